//! What every page is drawn with: its texts, the ways from it, the state that all pages tell.

use super::guard::FormToken;
use super::lang::Lang;
use super::pager::Pager;
use super::texts::Common;
use super::times::{Moment, Times};
use super::visit::Visit;
use crate::browse::Found;
use crate::clock::unix_seconds;
use crate::service::Service;

/// A part of the console, as its navigation has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Service,
    Customers,
    Orders,
    Bindings,
    Devices,
    Calls,
    Faults,
    /// A step on the way from the service.
    Publishing,
    /// None of them.
    Elsewhere,
}

impl Section {
    const ALL: [Self; 7] = [
        Self::Service,
        Self::Customers,
        Self::Orders,
        Self::Bindings,
        Self::Devices,
        Self::Calls,
        Self::Faults,
    ];

    const fn path(self) -> &'static str {
        match self {
            Self::Service | Self::Publishing | Self::Elsewhere => "/",
            Self::Customers => "/console/customers",
            Self::Orders => "/console/orders",
            Self::Bindings => "/console/bindings",
            Self::Devices => "/console/devices",
            Self::Calls => "/console/calls",
            Self::Faults => "/console/faults",
        }
    }

    const fn name(self, t: &'static Common) -> &'static str {
        match self {
            Self::Service | Self::Publishing => t.service,
            Self::Customers => t.customers,
            Self::Orders => t.orders,
            Self::Bindings => t.bindings,
            Self::Devices => t.devices,
            Self::Calls => t.calls,
            Self::Faults => t.faults,
            Self::Elsewhere => t.not_found_title,
        }
    }
}

impl Section {
    /// The one that the navigation marks.
    fn shown_as(self) -> Self {
        if self == Self::Publishing { Self::Service } else { self }
    }

    /// Whether its pages may load themselves again: not those that one types in.
    pub(super) fn is_lively(self) -> bool {
        !matches!(self, Self::Faults | Self::Publishing | Self::Elsewhere)
    }
}

/// A way from a page to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) href: String,
    pub(super) text: &'static str,
    /// For a language: its tag.
    pub(super) lang: &'static str,
    /// Whether it leads to where one is.
    pub(super) is_here: bool,
}

/// How often a page loads itself again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refresh {
    pub(super) href: String,
    /// 0 for never.
    pub(super) seconds: u16,
    pub(super) is_here: bool,
}

/// A page's surroundings.
pub(super) struct View {
    pub(super) lang: Lang,
    pub(super) t: &'static Common,
    pub(super) heading: &'static str,
    /// Whether anything goes wrong on purpose.
    has_faults: bool,
    pub(super) now: i64,
    /// For the page's forms.
    pub(super) token: String,
    section: Section,
    times: Times,
    visit: Visit,
}

impl View {
    pub(super) fn new(
        visit: Visit,
        section: Section,
        service: &Service,
        times: &Times,
        token: &FormToken,
    ) -> Self {
        let (lang, t) = (visit.lang(), Common::of(visit.lang()));
        Self {
            lang,
            t,
            heading: section.name(t),
            has_faults: !service.faults.are_quiet(),
            now: unix_seconds(),
            token: token.text().to_owned(),
            section,
            times: times.clone(),
            visit,
        }
    }

    pub(super) fn visit(&self) -> &Visit {
        &self.visit
    }

    pub(super) fn times(&self) -> &Times {
        &self.times
    }

    /// Whether the page says that something goes wrong on purpose; that of the faults says it
    /// anyway.
    pub(super) fn tells_of_faults(&self) -> bool {
        self.has_faults && self.section != Section::Faults
    }

    pub(super) fn sections(&self) -> Vec<Way> {
        let way = |section: Section| Way {
            href: self.to(section.path()),
            text: section.name(self.t),
            lang: "",
            is_here: section == self.section.shown_as(),
        };
        Section::ALL.map(way).into()
    }

    pub(super) fn languages(&self) -> Vec<Way> {
        let way = |lang: Lang| Way {
            href: self.visit.again("lang", Some(lang.code())),
            text: lang.own_name(),
            lang: lang.code(),
            is_here: lang == self.lang,
        };
        Lang::ALL.map(way).into()
    }

    /// Empty where a page does not load itself again.
    pub(super) fn refreshes(&self) -> Vec<Refresh> {
        if !self.section.is_lively() {
            return Vec::new();
        }
        let chosen = self.visit.refresh().unwrap_or(0);
        let refresh = |seconds: u16| {
            let value = (seconds > 0).then(|| seconds.to_string());
            let href = self.visit.again("refresh", value.as_deref());
            Refresh { href, seconds, is_here: seconds == chosen }
        };
        [0].into_iter().chain(Visit::REFRESHES).map(refresh).collect()
    }

    pub(super) fn reload(&self) -> String {
        self.visit.again("done", None)
    }

    /// What was done before this page was come to.
    pub(super) fn notice(&self) -> Option<&'static str> {
        Some(match self.visit.get("done")? {
            "published" => self.t.done_published,
            "fault-added" => self.t.done_fault_added,
            "fault-removed" => self.t.done_fault_removed,
            "fault-gone" => self.t.done_fault_gone,
            "delays" => self.t.done_delays,
            "no-faults" => self.t.done_no_faults,
            _ => return None,
        })
    }

    pub(super) fn to(&self, path: &str) -> String {
        self.visit.to(path, &[])
    }

    pub(super) fn to_customer(&self, id: &str) -> String {
        self.visit.to("/console/customer", &[("id", id)])
    }

    pub(super) fn to_device(&self, id: &str) -> String {
        self.visit.to("/console/device", &[("id", id)])
    }

    /// Fields that a search must send along.
    pub(super) fn kept(&self) -> Vec<(&str, &str)> {
        let kind = self.visit.get("kind").map(|kind| ("kind", kind));
        let id = self.visit.get("id").map(|id| ("id", id));
        self.visit.kept().into_iter().chain(kind).chain(id).collect()
    }

    pub(super) fn search(&self) -> &str {
        self.visit.search()
    }

    /// This list without its search.
    pub(super) fn without_search(&self) -> String {
        self.visit.again("q", None)
    }

    pub(super) fn pager<T>(&self, found: &Found<T>) -> Pager {
        Pager::of(&self.visit, self.visit.window(), found)
    }

    pub(super) fn moment(&self, at: i64) -> Moment {
        self.times.moment(at, self.now, self.t)
    }

    pub(super) fn as_of(&self) -> String {
        self.times.full(self.now)
    }

    pub(super) fn zone(&self) -> String {
        self.times.zone_name(self.now)
    }
}

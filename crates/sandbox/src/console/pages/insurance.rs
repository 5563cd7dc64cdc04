//! The stand-in for the insurer's page, which `ServiceGetInsurancePageURL` answers the address
//! of. It trusts nothing in its address: it looks nothing up, and names only what the contract
//! has.

use askama::Template;
use axum::http::StatusCode;
use axum::response::IntoResponse;

use crate::actions::Item;
use crate::console::Page;
use crate::console::lang::Lang;
use crate::console::texts::{Common, Insurance, Service};
use crate::console::visit::Visit;
use crate::console::words::service_name;

#[derive(Template)]
#[template(path = "insurance.html")]
struct InsurancePage<'a> {
    lang: Lang,
    t: &'static Common,
    i: &'static Insurance,
    item: Option<Named<'a>>,
    languages: Vec<(Lang, String)>,
}

/// What the address names.
struct Named<'a> {
    name: &'static str,
    item_id: &'a str,
    version: Option<&'a str>,
    test: bool,
}

pub(in crate::console) async fn show(visit: Visit) -> impl IntoResponse {
    let lang = visit.lang();
    let item = named(&visit, Service::of(lang));
    let status = if item.is_some() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let languages =
        Lang::ALL.into_iter().map(|lang| (lang, visit.again("lang", Some(lang.code()))));
    let (t, i) = (Common::of(lang), Insurance::of(lang));
    Page::with(status, &InsurancePage { lang, t, i, item, languages: languages.collect() })
}

fn named<'a>(visit: &'a Visit, s: &'static Service) -> Option<Named<'a>> {
    let item_id = visit.get("ItemId")?;
    let item = Item::read(item_id).ok()?;
    let version = visit.get("ItemVNO");
    if version.is_some_and(|version| item.check_version(version).is_err()) {
        return None;
    }
    Some(Named { name: service_name(item_id, s), item_id, version, test: item.test })
}

//! What the pages say, each text in both languages beside each other: a text that lacks one
//! of them does not compile.

mod calls;
mod common;
mod devices;
mod faults;
mod people;
mod service;

pub(super) use calls::Calls;
pub(super) use common::Common;
pub(super) use devices::Devices;
pub(super) use faults::Faults;
pub(super) use people::People;
pub(super) use service::{Insurance, Service};

/// A struct with a field for each text, and one value of it for each language.
macro_rules! texts {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $en:literal, $zh:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(in crate::console) struct $name {
            $(pub(in crate::console) $field: &'static str,)+
        }

        impl $name {
            pub(in crate::console) const fn of(lang: $crate::console::lang::Lang) -> &'static Self {
                static EN: $name = $name { $($field: $en,)+ };
                static ZH: $name = $name { $($field: $zh,)+ };
                match lang {
                    $crate::console::lang::Lang::En => &EN,
                    $crate::console::lang::Lang::Zh => &ZH,
                }
            }
        }
    };
}
use texts;

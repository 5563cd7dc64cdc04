//! The two pages that a vendor's app opens for its customer: what the safety-assurance service
//! is, with the plans on offer, and the customer's orders, each with the way to its claim.
//!
//! Invariants: nothing personal is shown and nothing is done without a session, which begins
//! with a signed token of the app's. Nothing here knows Kafka or settings files, keeps
//! anything on disk, or writes a token, a cookie or a telephone number to a log. Pages work without scripts, and
//! load nothing from elsewhere. Replicas share nothing but their settings: a session travels
//! in its cookie, an order's number follows from what is ordered.
//!
//! Absent on purpose: placing an order ([`OrderDesk`]) and remembering used tokens across
//! replicas ([`Redemptions`]); both are handed in.
//!
//! Start at [`Portal::routes`]; what comes before each page is in `web::visitor`.

mod branding;
mod colour;
mod desk;
mod future;
mod keys;
mod language;
mod limits;
mod order_no;
mod plan;
mod portal;
mod public_url;
mod redemptions;
mod remote;
mod service;
mod session;
mod settings;
mod texts;
mod token;
mod trouble;
mod web;

pub use branding::{Branding, InvalidPicture, Picture, PictureSpot};
pub use colour::{Colour, InvalidColour};
pub use desk::{Contact, OrderDesk, Placed, Purchase, RefusedOrder};
pub use future::BoxFuture;
pub use keys::MasterKey;
pub use language::{Language, Localised};
pub use plan::Plan;
pub use portal::Portal;
pub use public_url::{InvalidPublicUrl, PublicUrl};
pub use redemptions::{MemoryRedemptions, Redeemed, Redemptions, Unavailable};
pub use remote::Proxies;
pub use service::Service;
pub use settings::{AttemptLimits, PortalSettings};
pub use token::{Algorithm, Handover, InvalidKey, SigningKey, TokenError, TokenKey, TokenSettings};

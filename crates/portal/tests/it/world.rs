//! A portal with the sandbox behind it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use emberline_model::CustomerId;
use emberline_portal::{
    Algorithm, AttemptLimits, Branding, Contact, Handover, Localised, MasterKey, MemoryRedemptions,
    Plan, Portal, PortalSettings, Proxies, PublicUrl, Redemptions, Service, SigningKey, TokenKey,
    TokenSettings,
};
use emberline_sandbox::{Sandbox, SandboxSettings};
use emberline_service_api::{Credentials, Dialect, Secret, Signer};
use emberline_service_client::{HttpClient, HttpSettings};

use crate::browser::Browser;
use crate::desk::TestDesk;

pub(crate) const SECRET: &str = "a secret of the app and the portal";

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) desk: Arc<TestDesk>,
    pub(crate) service: Arc<Service>,
    redemptions: Arc<dyn Redemptions>,
    routes: Router,
}

/// What the tests' portal is told, if nothing else.
pub(crate) fn settings() -> PortalSettings {
    let plan = |item, version, name| Plan {
        name: Localised::same(name),
        ..Plan::new(item, version).unwrap()
    };
    PortalSettings {
        public_url: PublicUrl::parse("http://127.0.0.1:9480").unwrap(),
        token: TokenSettings {
            key: TokenKey::new(Algorithm::Hs256, SECRET).unwrap(),
            audience: None,
            issuer: None,
            max_age: Duration::from_mins(5),
        },
        master_key: MasterKey::new(b"a secret of the portal"),
        session: Duration::from_mins(30),
        plans: vec![
            plan("D-FireInsurance2020", "FireMER20W", "Home 20"),
            plan("D-CarInsurance2021", "AutoBase", "Two wheels <b>"),
        ],
        order_prefix: "EP-".to_owned(),
        branding: Branding::default(),
        attempts: AttemptLimits {
            of_customer: NonZeroU32::new(100).unwrap(),
            of_address: NonZeroU32::new(100).unwrap(),
        },
        proxies: Proxies::default(),
        frame_ancestors: Vec::new(),
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(settings(), SandboxSettings::default()).await
    }

    pub(crate) async fn with(settings: PortalSettings, sandbox: SandboxSettings) -> Self {
        let sandbox = SandboxSettings { listen: "127.0.0.1:0".parse().unwrap(), ..sandbox };
        let sandbox = Sandbox::start(sandbox).await.unwrap();
        let http = || HttpClient::new(&HttpSettings::new(sandbox.url())).unwrap();
        let patience = Duration::from_millis(500);
        let service = Arc::new(Service::new(signer("ServiceAppSecret"), http(), patience));
        let desk = Arc::new(TestDesk::new(signer("ServiceAppSecret"), http()));
        let redemptions: Arc<dyn Redemptions> = Arc::new(MemoryRedemptions::new(1000));
        let routes = Portal::new(settings, Arc::clone(&service), desk.clone(), redemptions.clone());
        let routes = routes.routes();
        Self { sandbox, desk, service, redemptions, routes }
    }

    /// Another replica, with the same settings and memory of tokens.
    pub(crate) fn replica(&self) -> Browser {
        let (service, desk) = (Arc::clone(&self.service), Arc::clone(&self.desk));
        let portal = Portal::new(settings(), service, desk, Arc::clone(&self.redemptions));
        Browser::new(portal.routes())
    }

    /// A browser of somebody who has not entered.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.routes.clone())
    }

    /// A browser of this customer, who has entered. The service knows them.
    pub(crate) async fn member(&self, customer: &str) -> Browser {
        self.sandbox.create_customer(customer, "86", "13900000000").unwrap();
        self.stranger(customer).await
    }

    /// The same of one whom the service does not know.
    pub(crate) async fn stranger(&self, customer: &str) -> Browser {
        let mut browser = self.browser();
        let entered = browser.get(&format!("/enter?token={}", token(customer))).await;
        assert_eq!(entered.location(), "/");
        browser
    }
}

pub(crate) fn signer(secret: &str) -> Signer {
    let credentials =
        Credentials { app_key: "ServiceAppKey".to_owned(), app_secret: Secret::new(secret) };
    Signer::new(&credentials, Dialect::default())
}

/// A token that is good now.
pub(crate) fn token(customer: &str) -> String {
    signed(&handover(customer))
}

pub(crate) fn handover(customer: &str) -> Handover {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let now = i64::try_from(now).unwrap();
    Handover {
        customer: CustomerId::parse(customer).unwrap(),
        contact: Some(Contact {
            country_code: "86".to_owned(),
            phone_number: "13900000000".to_owned(),
        }),
        id: format!("t-{}", COUNT.fetch_add(1, Ordering::Relaxed)),
        issued: now,
        expires: now + 60,
    }
}

pub(crate) fn signed(handover: &Handover) -> String {
    SigningKey::new(Algorithm::Hs256, SECRET).unwrap().token(handover, None, None)
}

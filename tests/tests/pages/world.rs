//! A portal with the sandbox behind it and a browser before it, all of a test's own.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use emberline_model::CustomerId;
use emberline_portal::{
    Algorithm, AttemptLimits, Branding, Contact, Handover, Localised, MasterKey, MemoryRedemptions,
    Plan, Portal, PortalSettings, Proxies, PublicUrl, Service, SigningKey, TokenKey, TokenSettings,
};
use emberline_sandbox::{Edition, Sandbox, SandboxSettings};
use emberline_service_api::{Credentials, Dialect, Secret, Signer};
use emberline_service_client::{HttpClient, HttpSettings, ServiceClient};
use emberline_testkit::browser::{Browser, Device, Page};
use tokio::net::TcpListener;

use crate::desk::Desk;

/// Longest that a page may take to show what it is waited for.
pub(crate) const SOON: Duration = Duration::from_secs(30);

const SECRET: &str = "a secret of the app and the portal";

/// The button of the first plan.
pub(crate) const BUY: &str = "#plan-FireMER20W-test button";

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) desk: Arc<Desk>,
    pub(crate) url: String,
    pub(crate) page: Page,
    /// What its pictures are kept under.
    name: String,
    has_scripts: bool,
    /// Ends with the page.
    _browser: Browser,
}

impl World {
    pub(crate) async fn start(name: &str, device: &Device, edition: Edition) -> Self {
        let sandbox = SandboxSettings { listen: loopback(), edition, ..SandboxSettings::default() };
        let sandbox = Sandbox::start(sandbox).await.unwrap();
        let http = || HttpClient::new(&HttpSettings::new(sandbox.url())).unwrap();
        let service = Arc::new(Service::new(signer(), http(), Duration::from_millis(1500)));
        let desk = Arc::new(Desk::new(ServiceClient::new(signer(), http())));
        let listener = TcpListener::bind(loopback()).await.unwrap();
        let settings = settings(listener.local_addr().unwrap());
        let url = settings.public_url.origin().to_owned();
        let redemptions = Arc::new(MemoryRedemptions::new(100));
        let routes = Portal::new(settings, service, desk.clone(), redemptions).routes();
        let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async { axum::serve(listener, routes).await });
        let browser = Browser::launch().await.unwrap();
        let page = browser.open(device).await.unwrap();
        let (name, has_scripts) = (name.to_owned(), device.scripts);
        Self { sandbox, desk, url, page, name, has_scripts, _browser: browser }
    }

    /// Enters as a customer, to the introduction.
    pub(crate) async fn enter(&self, customer: &str) {
        self.page.goto(&format!("{}/enter?token={}", self.url, token(customer))).await.unwrap();
    }

    /// Looks at a page: nobody is kept out, nothing is wider than the phone, nothing was
    /// forbidden by the page's own policy. Keeps a picture.
    pub(crate) async fn look(&self, picture: &str) {
        self.page.screenshot(&self.name, picture).await.unwrap();
        let width = "document.documentElement.scrollWidth <= innerWidth";
        assert_eq!(self.page.evaluate(width).await.unwrap(), true, "{picture} is too wide");
        assert_eq!(self.page.complaints(), Vec::<String>::new(), "{picture}");
        if self.has_scripts {
            let faults = self.page.serious_faults().await.unwrap();
            assert_eq!(faults, Vec::<String>::new(), "{picture}");
        }
    }

    /// The numbers of all orders that the service has.
    pub(crate) fn orders(&self) -> Vec<String> {
        let orders = self.sandbox.registry().orders().orders;
        orders.into_iter().map(|order| order.order_no).collect()
    }

    pub(crate) async fn until_says(&self, selector: &str, text: &str) {
        self.page.until_says(selector, text, SOON).await.unwrap();
    }
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn signer() -> Signer {
    let (app_key, secret) = ("ServiceAppKey".to_owned(), Secret::new("ServiceAppSecret"));
    Signer::new(&Credentials { app_key, app_secret: secret }, Dialect::default())
}

fn settings(address: SocketAddr) -> PortalSettings {
    let text = |zh: &str, en: &str| Localised { zh: zh.to_owned(), en: en.to_owned() };
    let plan = |item, version| Plan::new(item, version).unwrap();
    let plans = vec![
        Plan {
            name: text("家庭火灾保障 20 万", "Home fire cover, 200,000"),
            text: text(
                "最高赔付 20 万元，房屋与室内财产均在保障之内，保障期一年。",
                "Pays up to 200,000 yuan for the building and its contents, for one year.",
            ),
            price: text("¥58 / 年", "¥58 a year"),
            ..plan("D-FireInsurance2020", "FireMER20W")
        },
        Plan {
            name: text("商铺火灾保障", "Fire cover for shops"),
            text: text("随设备赠送，激活即可使用。", "Comes with the device: just activate it."),
            ..plan("FireInsurance2020", "FireBusiness")
        },
        Plan {
            name: text("两轮车充电保障", "Two-wheeler charging cover"),
            text: text("充电期间起火造成的损失。", "Loss by a fire while it charges."),
            price: text("¥19 / 年", "¥19 a year"),
            ..plan("D-CarInsurance2021", "AutoBase")
        },
    ];
    PortalSettings {
        public_url: PublicUrl::of_listener(address),
        token: TokenSettings {
            key: TokenKey::new(Algorithm::Hs256, SECRET).unwrap(),
            audience: None,
            issuer: None,
            max_age: Duration::from_mins(5),
        },
        master_key: MasterKey::new(b"a secret of the portal"),
        session: Duration::from_mins(30),
        plans,
        order_prefix: "EP-".to_owned(),
        branding: Branding {
            footer: text(
                "客服电话 400-000-0000（工作日 9:00–18:00）",
                "Support: 400-000-0000, weekdays 9 to 18",
            ),
            imprint_url: Some("https://www.example.com/imprint".to_owned()),
            privacy_url: Some("https://www.example.com/privacy".to_owned()),
            ..Branding::default()
        },
        attempts: AttemptLimits {
            of_customer: NonZeroU32::new(100).unwrap(),
            of_address: NonZeroU32::new(100).unwrap(),
        },
        proxies: Proxies::default(),
        frame_ancestors: Vec::new(),
    }
}

fn token(customer: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let now = i64::try_from(now).unwrap();
    let handover = Handover {
        customer: CustomerId::parse(customer).unwrap(),
        contact: Some(Contact {
            country_code: "86".to_owned(),
            phone_number: "13900000000".to_owned(),
        }),
        id: format!("token-of-{customer}"),
        issued: now,
        expires: now + 60,
    };
    SigningKey::new(Algorithm::Hs256, SECRET).unwrap().token(&handover, None, None)
}

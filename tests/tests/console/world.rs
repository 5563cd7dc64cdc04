//! A sandbox with people and devices in it, and a browser before it, all of a test's own.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use emberline_model::{Category, Item, ItemVersion, Measurement, OnlineStatus, Report, ReportTime};
use emberline_sandbox::{Sandbox, SandboxSettings};
use emberline_service_api::{
    Action, BoundDevice, Credentials, Dialect, Secret, ServiceBindDevice, ServiceCreateCustomer,
    ServiceCreateOrder, ServiceReportDeviceData, ServiceReportDeviceState, Signer,
};
use emberline_service_client::{HttpClient, HttpSettings, ServiceClient};
use emberline_testkit::browser::{Browser, Device, Page};

/// Longest that a page may take to show what it is waited for.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The device that has reported everything, for an hour.
pub(crate) const METER: &str = "F4N0000AN/meter_0";

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) page: Page,
    client: ServiceClient,
    /// What its pictures are kept under.
    name: String,
    /// Ends with the page.
    _browser: Browser,
}

impl World {
    pub(crate) async fn start(name: &str, device: &Device) -> Self {
        let settings = SandboxSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            authorisations_bought: 3,
            ..SandboxSettings::default()
        };
        let sandbox = Sandbox::start(settings).await.unwrap();
        let (app_key, secret) = ("ServiceAppKey".to_owned(), Secret::new("ServiceAppSecret"));
        let credentials = Credentials { app_key, app_secret: secret };
        let signer = Signer::new(&credentials, Dialect::default());
        let http = HttpClient::new(&HttpSettings::new(sandbox.url())).unwrap();
        let client = ServiceClient::new(signer, http);
        let browser = Browser::launch().await.unwrap();
        let page = browser.open(device).await.unwrap();
        Self { sandbox, page, client, name: name.to_owned(), _browser: browser }
    }

    /// The same with customers, orders, bindings, reports of every category, and a call that
    /// was refused.
    pub(crate) async fn furnished(name: &str, device: &Device) -> Self {
        let world = Self::start(name, device).await;
        for n in 0..60 {
            let customer = format!("customer_{n:02}");
            let phone_number = format!("139000{n:05}");
            let create = ServiceCreateCustomer {
                customer: &customer,
                country_code: "86",
                phone_number: &phone_number,
            };
            world.call(&create).await.unwrap();
        }
        for n in 0..4 {
            world.order(n).await;
            world.device(n).await;
        }
        let unknown = ServiceReportDeviceData {
            device: METER,
            customer: "nobody",
            category: Category::Power,
            reports: &[report(0, Category::Power, &[1.0])],
        };
        assert!(world.call(&unknown).await.is_err());
        world
    }

    async fn order(&self, n: u32) {
        let fire = n.is_multiple_of(2);
        let item = if fire { "D-FireInsurance2020" } else { "D-CarInsurance2021" };
        let version = if fire { "FirePRO50W" } else { "AutoVIP" };
        let create = ServiceCreateOrder {
            customer: "customer_00",
            order_no: &format!("20261126-{n:04}"),
            item: Item::parse(item).unwrap(),
            version: ItemVersion::parse(version).unwrap(),
            count: 1 + n,
        };
        self.call(&create).await.unwrap();
    }

    /// Binds a device and lets it report for an hour.
    async fn device(&self, n: u32) {
        let (customer, device) = (format!("customer_{n:02}"), format!("F4N0000AN/meter_{n}"));
        let devices = [BoundDevice {
            customer_device_no: &format!("SN-2026-{n}"),
            device: &device,
            product_name: "三相智能电表",
        }];
        self.call(&ServiceBindDevice { customer: &customer, devices: &devices }).await.unwrap();
        for status in [OnlineStatus::Online, OnlineStatus::Offline, OnlineStatus::Online] {
            self.call(&ServiceReportDeviceState { device: &device, status }).await.unwrap();
        }
        for category in Category::ALL {
            let reports: Vec<Report> =
                (0..60).map(|minute| report(minute, category, &values(category, minute))).collect();
            let data = ServiceReportDeviceData {
                device: &device,
                customer: &customer,
                category,
                reports: &reports,
            };
            self.call(&data).await.unwrap();
        }
    }

    pub(crate) async fn call<A: Action + Sync>(&self, action: &A) -> Result<A::Answer, String> {
        self.client.call(action).await.map_err(|error| error.to_string())
    }

    pub(crate) async fn goto(&self, path: &str) {
        let console = self.sandbox.console_url();
        let url = format!("{}{path}", console.trim_end_matches('/'));
        self.page.goto(&url).await.unwrap();
    }

    /// Looks at a page: nobody is kept out, nothing is wider than the screen, nothing was
    /// forbidden by the page's own policy. Keeps a picture.
    pub(crate) async fn look(&self, picture: &str) {
        self.page.screenshot(&self.name, picture).await.unwrap();
        let width = "document.documentElement.scrollWidth <= innerWidth";
        assert_eq!(self.page.evaluate(width).await.unwrap(), true, "{picture} is too wide");
        assert_eq!(self.page.complaints(), Vec::<String>::new(), "{picture}");
        let faults = self.page.serious_faults().await.unwrap();
        assert_eq!(faults, Vec::<String>::new(), "{picture}");
    }

    pub(crate) async fn until_says(&self, selector: &str, text: &str) {
        self.page.until_says(selector, text, SOON).await.unwrap();
    }
}

/// So many minutes after an hour ago.
fn report(minute: i32, category: Category, values: &[f64]) -> Report {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let seconds = i64::try_from(now).unwrap() - 3_600 + 60 * i64::from(minute);
    Report {
        time: ReportTime::from_seconds(seconds).unwrap(),
        measurement: Measurement::new(category, values).unwrap(),
    }
}

/// Values that go up and down as such things do.
fn values(category: Category, minute: i32) -> Vec<f64> {
    let wave = (f64::from(minute) / 9.0).sin();
    let circuit = f64::from(1 + minute % 2);
    match category {
        Category::Voltage => vec![circuit, 220.0 + 6.0 * wave + circuit],
        Category::Temperature => vec![1.0, 24.0 + 3.0 * wave],
        Category::Current => vec![1.0, 11.0 + 4.0 * wave, 16.0],
        Category::ResidualCurrent => vec![0.02 + 0.004 * wave],
        Category::Power => vec![2.4 + wave],
        Category::Smoke => vec![f64::from(u8::from((40..46).contains(&minute)))],
    }
}

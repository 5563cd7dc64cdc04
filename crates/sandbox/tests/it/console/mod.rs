//! The console over the wire, asked as a browser asks.

mod faults;
mod guarded;
mod pages;
mod publish;
mod shown;

use emberline_sandbox::Sandbox;

use crate::caller::{Answer, request_with};

/// A browser that has the console open, as far as its headers go.
pub(crate) struct Visitor<'a> {
    sandbox: &'a Sandbox,
    host: String,
    language: &'static str,
}

impl<'a> Visitor<'a> {
    pub(crate) fn of(sandbox: &'a Sandbox) -> Self {
        Self { sandbox, host: sandbox.address().to_string(), language: "en" }
    }

    pub(crate) fn speaking(self, language: &'static str) -> Self {
        Self { language, ..self }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let headers = [("host", self.host.as_str()), ("accept-language", self.language)];
        request_with(self.sandbox, "GET", path, &headers, "").await.unwrap()
    }

    /// A page that must be there.
    pub(crate) async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }

    /// The token that a page's forms carry.
    pub(crate) async fn token(&self, path: &str) -> String {
        let page = self.page(path).await;
        let (_, rest) = page.split_once("name=\"token\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// Sends a form as a page of the sandbox does.
    pub(crate) async fn send(&self, path: &str, form: &str) -> Answer {
        let token = self.token("/console/faults").await;
        self.send_as("same-origin", path, &format!("{form}&token={token}")).await
    }

    /// Sends a form as a page of that site does.
    pub(crate) async fn send_as(&self, site: &str, path: &str, form: &str) -> Answer {
        let headers = [
            ("host", self.host.as_str()),
            ("accept-language", self.language),
            ("sec-fetch-site", site),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        request_with(self.sandbox, "POST", path, &headers, form).await.unwrap()
    }
}

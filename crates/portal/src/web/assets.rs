//! The style and the pictures, under names that change with their content, so that they may
//! be kept for ever.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use ring::digest;

use super::notice;
use super::visitor::Visitor;
use crate::{Branding, Colour, PictureSpot, Portal};

const STYLE: &str = include_str!("../../assets/style.css");
/// Stands for a logo that is not set. `ACCENT` and `INK` are the brand's colours.
const MARK: &str = include_str!("../../assets/mark.svg");

/// What cards lie on, as in the style.
const SURFACE: Colour = Colour::rgb(0xff, 0xff, 0xff);
const SURFACE_DARK: Colour = Colour::rgb(0x1b, 0x20, 0x22);

/// All that is served as it is.
pub(crate) struct Assets {
    files: HashMap<String, File>,
    pub(super) style: String,
    pub(super) logo: String,
    pictures: Vec<(PictureSpot, String)>,
}

struct File {
    content_type: &'static str,
    bytes: axum::body::Bytes,
}

impl Assets {
    pub(crate) fn new(branding: &Branding) -> Self {
        let mut files = HashMap::new();
        let mut add = |name: &str, extension, content_type, bytes: Vec<u8>| {
            let name = format!("{name}-{}.{extension}", fingerprint(&bytes));
            let address = format!("/assets/{name}");
            files.insert(name, File { content_type, bytes: bytes.into() });
            address
        };
        let style = format!("{}{STYLE}", colours(branding)).into_bytes();
        let style = add("style", "css", "text/css; charset=utf-8", style);
        let mut pictures: Vec<(PictureSpot, String)> = Vec::new();
        for (spot, picture) in &branding.pictures {
            let bytes = picture.bytes.clone();
            pictures
                .push((*spot, add(spot.name(), picture.extension, picture.content_type, bytes)));
        }
        let accent = branding.accent;
        let mark = MARK
            .replace("ACCENT", &accent.to_string())
            .replace("INK", &accent.text_on().to_string());
        let own = pictures.iter().find(|(spot, _)| *spot == PictureSpot::Logo);
        let logo = match own {
            Some((_, address)) => address.clone(),
            None => add("mark", "svg", "image/svg+xml", mark.into_bytes()),
        };
        Self { files, style, logo, pictures }
    }

    pub(super) fn picture(&self, spot: PictureSpot) -> Option<&str> {
        self.pictures.iter().find(|(of, _)| *of == spot).map(|(_, address)| address.as_str())
    }
}

/// The style's variables for the brand's colours: each with what is read on it, and as what
/// it is read itself.
fn colours(branding: &Branding) -> String {
    let block = |accent: Colour, surface: Colour| {
        format!(
            "--accent: {accent}; --on-accent: {}; --accent-text: {};",
            accent.text_on(),
            accent.as_text_on(surface)
        )
    };
    format!(
        ":root {{ {} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {} }} }}\n",
        block(branding.accent, SURFACE),
        block(branding.accent_dark, SURFACE_DARK)
    )
}

fn fingerprint(bytes: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, bytes);
    digest.as_ref()[..8].iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(super) async fn serve(
    State(portal): State<Arc<Portal>>,
    Path(name): Path<String>,
    visitor: Visitor,
) -> Response {
    let Some(file) = portal.assets.files.get(&name) else {
        return notice::not_found(visitor).await;
    };
    let headers =
        [(CONTENT_TYPE, file.content_type), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, file.bytes.clone()).into_response()
}

//! How the pages look, and what they are called.

use std::fmt;
use std::path::Path;

use crate::{Colour, Localised};

/// A vendor's own names, colours, texts and pictures.
#[derive(Debug, Clone)]
pub struct Branding {
    /// Of the service, as it stands at the head of each page.
    pub name: Localised,
    /// Of buttons and marks.
    pub accent: Colour,
    /// The same in dark surroundings.
    pub accent_dark: Colour,
    /// The introduction's heading; the portal has one of its own.
    pub headline: Option<Localised>,
    /// The sentences below it; likewise.
    pub introduction: Option<Localised>,
    /// At the foot of each page, for example whom to call; may be empty.
    pub footer: Localised,
    /// Pictures, by where they stand.
    pub pictures: Vec<(PictureSpot, Picture)>,
    /// Where the imprint is.
    pub imprint_url: Option<String>,
    /// Where the privacy notice is.
    pub privacy_url: Option<String>,
}

impl Default for Branding {
    fn default() -> Self {
        Self {
            name: Localised { zh: "安心保障".to_owned(), en: "Safety Assurance".to_owned() },
            accent: Colour::rgb(0x0b, 0x6e, 0x4f),
            accent_dark: Colour::rgb(0x4c, 0xc3, 0x9a),
            headline: None,
            introduction: None,
            footer: Localised::default(),
            pictures: Vec::new(),
            imprint_url: None,
            privacy_url: None,
        }
    }
}

/// Where a picture can stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureSpot {
    /// At the head of each page, before the name.
    Logo,
    /// Above the introduction.
    Hero,
    /// With what fire insurance covers.
    Fire,
    /// With what two-wheeler insurance covers.
    TwoWheeler,
}

impl PictureSpot {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Logo, Self::Hero, Self::Fire, Self::TwoWheeler];

    /// As the settings and addresses name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logo => "logo",
            Self::Hero => "hero",
            Self::Fire => "fire",
            Self::TwoWheeler => "two-wheeler",
        }
    }
}

/// A picture, whole in memory.
#[derive(Clone)]
pub struct Picture {
    pub(crate) bytes: Vec<u8>,
    pub(crate) content_type: &'static str,
    pub(crate) extension: &'static str,
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({}, {} bytes)", self.content_type, self.bytes.len())
    }
}

/// Why a file is no picture for the pages.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPicture {
    /// It can't be read.
    #[error("{path} cannot be read: {problem}")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why not.
        problem: String,
    },
    /// Phones load it over mobile networks.
    #[error("{path} is larger than {} kB: make it smaller", Picture::MAX_BYTES / 1000)]
    TooLarge {
        /// Which file.
        path: String,
    },
    /// Its first bytes are none of a kind that is served.
    #[error("{path} is no PNG, JPEG, WebP, AVIF or SVG picture")]
    Kind {
        /// Which file.
        path: String,
    },
}

impl Picture {
    /// Largest file, in bytes.
    pub const MAX_BYTES: usize = 500_000;

    /// Reads a file. What kind of picture it is, is told by its content.
    ///
    /// # Errors
    /// [`InvalidPicture`].
    pub fn read(path: &Path) -> Result<Self, InvalidPicture> {
        let shown = path.display().to_string();
        let unreadable = |error: std::io::Error| InvalidPicture::Unreadable {
            path: shown.clone(),
            problem: error.to_string(),
        };
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        if size > Self::MAX_BYTES as u64 {
            return Err(InvalidPicture::TooLarge { path: shown });
        }
        let bytes = std::fs::read(path).map_err(unreadable)?;
        Self::of_bytes(bytes).ok_or(InvalidPicture::Kind { path: shown })
    }

    /// `None` for bytes of no kind that is served.
    pub fn of_bytes(bytes: Vec<u8>) -> Option<Self> {
        let (content_type, extension) = kind(&bytes)?;
        Some(Self { bytes, content_type, extension })
    }
}

fn kind(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let boxed = |brand: &[u8]| bytes.get(4..8) == Some(b"ftyp") && bytes.get(8..12) == Some(brand);
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(("image/png", "png"));
    }
    if bytes.starts_with(b"\xff\xd8\xff") {
        return Some(("image/jpeg", "jpg"));
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some(("image/webp", "webp"));
    }
    if boxed(b"avif") {
        return Some(("image/avif", "avif"));
    }
    // Of an SVG a page shows what is drawn; its scripts run neither in an `img` nor, by the
    // policy that it is served with, by itself.
    let text = std::str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}').trim_start();
    let is_svg = text.starts_with("<svg") || (text.starts_with("<?xml") && text.contains("<svg"));
    is_svg.then_some(("image/svg+xml", "svg"))
}

#[cfg(test)]
mod tests {
    use super::Picture;

    #[test]
    fn a_pictures_kind_is_told_by_its_content() {
        let kind = |bytes: &[u8]| Picture::of_bytes(bytes.to_vec()).map(|it| it.content_type);
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n..."), Some("image/png"));
        assert_eq!(kind(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(kind(b"RIFF\0\0\0\0WEBP"), Some("image/webp"));
        assert_eq!(kind(b"\0\0\0\x1cftypavif"), Some("image/avif"));
        assert_eq!(kind(b"<?xml version='1.0'?><svg/>"), Some("image/svg+xml"));
        for other in [&b""[..], b"<html><svg>", b"#!/bin/sh", b"GIF89a", b"\xff\xfe<svg"] {
            assert_eq!(kind(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_file_that_is_too_large_or_missing_is_refused() {
        let missing = Picture::read("/nowhere/logo.png".as_ref()).unwrap_err();
        assert!(missing.to_string().contains("/nowhere/logo.png cannot be read"));
    }
}

//! What a page is looked at with.

/// Size, language and tastes of whoever looks at a page.
#[derive(Debug, Clone)]
pub struct Device {
    /// Of the page, in CSS pixels.
    pub width: u32,
    /// Of what is seen of it at once, in CSS pixels.
    pub height: u32,
    /// The languages that are asked for, the first one most, such as `zh-CN,zh`. The browser
    /// adds the weights to the header.
    pub language: String,
    /// Prefers dark colours.
    pub dark: bool,
    /// Prefers that nothing moves.
    pub reduced_motion: bool,
    /// Whether pages' scripts run.
    pub scripts: bool,
}

impl Device {
    /// A small phone: 360 to 740 pixels, light, with scripts.
    pub fn phone(language: &str) -> Self {
        Self {
            width: 360,
            height: 740,
            language: language.to_owned(),
            dark: false,
            reduced_motion: false,
            scripts: true,
        }
    }

    /// The same, in dark colours.
    #[must_use]
    pub fn dark(self) -> Self {
        Self { dark: true, ..self }
    }

    /// The same, with scripts switched off.
    #[must_use]
    pub fn without_scripts(self) -> Self {
        Self { scripts: false, ..self }
    }
}

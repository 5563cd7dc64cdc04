//! Texts in both languages, and the plans that are made of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text in both languages of the pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct LocalisedText {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl LocalisedText {
    pub(super) fn example(zh: &str, en: &str) -> Self {
        Self { zh: zh.to_owned(), en: en.to_owned() }
    }
}

/// A plan that customers can order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct PlanSettings {
    /// What it insures: the contract's `ItemId`. With `D-` in front it is a test, which is
    /// shown, costs no authorisation, and makes no valid policy.
    #[schemars(example = "D-FireInsurance2020")]
    pub item: String,
    /// Which version of it: the contract's `ItemVNO`, of the item's family.
    #[schemars(example = &"FireMER20W")]
    pub version: String,
    /// What it is called.
    #[schemars(example = LocalisedText::example("家庭火灾保障 20 万", "Home fire cover, 200,000"))]
    pub name: LocalisedText,
    /// What it covers, in a sentence or two. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = LocalisedText::example("最高赔付 20 万元，保障一年。", "Pays up to 200,000 yuan, for one year."))]
    pub text: Option<LocalisedText>,
    /// What it costs, as it is to be read. Default none: then it is activated, not bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = LocalisedText::example("¥58 / 年", "¥58 a year"))]
    pub price: Option<LocalisedText>,
}

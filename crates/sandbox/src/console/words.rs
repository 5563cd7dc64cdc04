//! The contract's numbers as people call them: quantities, units, states, services.

use super::texts::{Devices, Service};
use crate::read::thing_model::{DataCategory, Quantity};

/// 路数: it tells which circuit the other values are of, and is no measurement.
pub(super) const CIRCUIT: u32 = 1_000;

const SMOKE: u32 = 1_007;

/// What is measured.
pub(super) fn quantity_name(quantity: &Quantity, t: &Devices) -> &'static str {
    match quantity.sub_type {
        CIRCUIT => t.circuit,
        1_001 => t.voltage,
        1_002 => t.temperature,
        1_003 => t.current,
        1_004 => t.rated_current,
        1_005 => t.residual_current,
        1_006 => t.power,
        SMOKE => t.smoke,
        _ => quantity.name,
    }
}

/// The unit of a `SubType` (contract: thing model); empty for what has none.
pub(super) fn unit(quantity: &Quantity) -> &'static str {
    match quantity.sub_type {
        1_001 => "V",
        1_002 => "°C",
        1_003..=1_005 => "A",
        1_006 => "kW",
        _ => "",
    }
}

/// A category is called by the first thing that it measures.
pub(super) fn category_name(category: &DataCategory, t: &Devices) -> &'static str {
    let mut measured = category.quantities.iter().filter(|it| it.sub_type != CIRCUIT);
    measured.next().map_or("", |quantity| quantity_name(quantity, t))
}

/// Whether it is one of two states instead of a number.
pub(super) fn is_switch(quantity: &Quantity) -> bool {
    quantity.sub_type == SMOKE
}

/// A value as it is written, without its unit.
pub(super) fn number(quantity: &Quantity, value: f64) -> String {
    format!("{value:.*}", quantity.decimals as usize)
}

/// A value as it is read.
pub(super) fn value_text(quantity: &Quantity, value: f64, t: &Devices) -> String {
    if is_switch(quantity) {
        return if value > 0.0 { t.smoke_detected } else { t.smoke_normal }.to_owned();
    }
    let (number, unit) = (number(quantity, value), unit(quantity));
    if unit.is_empty() { number } else { format!("{number} {unit}") }
}

/// `OnlineStatus` in words.
pub(super) fn state_name(online_status: u8, t: &Devices) -> &'static str {
    match online_status {
        0 => t.offline,
        1 => t.online,
        _ => t.state_unknown,
    }
}

/// The same as a name of the style sheet.
pub(super) fn state_class(online_status: u8) -> &'static str {
    match online_status {
        0 => "offline",
        1 => "online",
        _ => "unknown",
    }
}

/// The service that an `ItemId` is of, test or formal.
pub(super) fn service_name(item_id: &str, t: &Service) -> &'static str {
    match item_id.strip_prefix("D-").unwrap_or(item_id) {
        "FireInsurance2020" => t.fire,
        "CarInsurance2021" => t.two_wheeler,
        _ => t.unknown_item,
    }
}

/// A count with its thousands set apart.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Devices, grouped, unit, value_text};
    use crate::console::lang::Lang;
    use crate::read::thing_model::CATEGORIES;

    #[test]
    fn every_measurement_has_a_unit_except_smoke() {
        let all = CATEGORIES.iter().flat_map(|category| category.quantities);
        let without: Vec<u32> =
            all.filter(|it| unit(it).is_empty()).map(|quantity| quantity.sub_type).collect();
        assert_eq!(without, [1000, 1000, 1000, 1007]);
    }

    #[test]
    fn a_value_is_read_with_its_decimals_and_unit() {
        let t = Devices::of(Lang::En);
        let [power, smoke] = [4, 5].map(|index: usize| &CATEGORIES[index].quantities[0]);
        assert_eq!(value_text(power, -1.5, t), "-1.50 kW");
        assert_eq!(
            (value_text(smoke, 0.0, t), value_text(smoke, 1.0, t)),
            ("normal".into(), "smoke".into())
        );
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}

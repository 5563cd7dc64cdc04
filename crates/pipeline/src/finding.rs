//! What the service has of a customer or an order that it was asked for.

use emberline_flow::claim::Found;
use emberline_model::{CustomerEvent, OrderEvent};
use emberline_service_api::{Customer, Order};

/// What was found, and in what another one differs; or why the answer says nothing.
pub(crate) type Finding = Result<(Found, String), &'static str>;

/// What the service has of this order.
pub(crate) fn find_order(order: &OrderEvent, listed: &[Order], total: u64) -> Finding {
    if listed.iter().any(|other| other.order_no != order.order_no) {
        // The filter was not heeded: that the order is not on this page says nothing.
        return Err("the service listed other orders than it was asked for");
    }
    let Some(found) = listed.first() else { return nothing(total) };
    let fields = [
        ("CustomerId", order.customer.as_str().to_owned(), found.customer_id.clone()),
        ("ItemId", order.item.id().to_owned(), found.item_id.clone()),
        ("ItemVNO", order.version.as_str().to_owned(), found.item_vno.clone()),
        ("ItemNum", order.count.to_string(), found.item_num.to_string()),
    ];
    let differs: Vec<String> = fields
        .into_iter()
        .filter(|(_, told, known)| told != known)
        .map(|(name, told, known)| format!("{name} is {told} here and {known} at the service"))
        .collect();
    if differs.is_empty() {
        return Ok((Found::Same, String::new()));
    }
    let differs = differs.join(", ");
    Ok((Found::Other, format!("the service has another order of this number: {differs}")))
}

/// What the service has of this customer. Telephone numbers are compared and not told.
pub(crate) fn find_customer(event: &CustomerEvent, listed: &[Customer], total: u64) -> Finding {
    if listed.iter().any(|other| other.customer_id != event.customer.as_str()) {
        return Err("the service listed other customers than it was asked for");
    }
    let Some(found) = listed.first() else { return nothing(total) };
    let same = found.country_code == event.country_code && found.phone_number == event.phone_number;
    Ok((if same { Found::Same } else { Found::Other }, String::new()))
}

fn nothing(total: u64) -> Finding {
    match total {
        0 => Ok((Found::Nothing, String::new())),
        _ => Err("the service counts what it does not list"),
    }
}

#[cfg(test)]
mod tests {
    use emberline_flow::claim::Found;
    use emberline_model::{CustomerEvent, CustomerId, EventTime, OrderEvent};
    use emberline_service_api::{Customer, Order};

    use super::{find_customer, find_order};

    fn order() -> OrderEvent {
        let customer = CustomerId::parse("c_1").unwrap();
        let item = ("D-FireInsurance2020", "FireBusiness");
        OrderEvent::new(customer, "7", item, 1, EventTime::from_millis(0)).unwrap()
    }

    fn listed(order_no: &str, item_num: u64) -> Order {
        Order {
            customer_id: "c_1".into(),
            order_no: order_no.into(),
            item_id: "D-FireInsurance2020".into(),
            item_vno: "FireBusiness".into(),
            item_num,
        }
    }

    #[test]
    fn an_order_is_the_same_another_or_not_there() {
        assert_eq!(find_order(&order(), &[listed("7", 1)], 1).unwrap().0, Found::Same);
        let (found, difference) = find_order(&order(), &[listed("7", 2)], 1).unwrap();
        assert_eq!(found, Found::Other);
        assert!(difference.ends_with("ItemNum is 1 here and 2 at the service"), "{difference}");
        assert_eq!(find_order(&order(), &[], 0).unwrap().0, Found::Nothing);
    }

    #[test]
    fn an_answer_that_leaves_it_open_places_no_order() {
        // The filter was not heeded, or the list is not what its total says.
        assert!(find_order(&order(), &[listed("8", 1)], 1).is_err());
        assert!(find_order(&order(), &[], 1).is_err());
    }

    #[test]
    fn a_difference_in_a_telephone_number_is_noticed_and_not_told() {
        let event = CustomerEvent {
            customer: CustomerId::parse("c_1").unwrap(),
            country_code: "86".into(),
            phone_number: "13900000000".into(),
            time: EventTime::from_millis(0),
        };
        let known = Customer {
            customer_id: "c_1".into(),
            country_code: "86".into(),
            phone_number: "13900000001".into(),
        };
        assert_eq!(find_customer(&event, &[known], 1).unwrap(), (Found::Other, String::new()));
        assert!(find_customer(&event, &[], 3).is_err());
    }
}

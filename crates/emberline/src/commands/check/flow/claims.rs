//! Customer, order, the lists that show them, and the page address.

use emberline_service_api::{
    CallError, FailureClass, InsurancePage, Order, ServiceCreateCustomer, ServiceGetCustomerList,
    ServiceGetInsurancePageURL, ServiceGetOrderList,
};

use crate::commands::check::fault::Fault;
use crate::commands::check::subject::{Subject, TestOrder};
use crate::masked;
use crate::paced::PacedService;

/// # Errors
/// It is refused, and was not there before.
pub(super) async fn create_customer(
    service: &PacedService,
    subject: &Subject,
) -> Result<String, Fault> {
    let customer = subject.customer.as_str();
    let action = ServiceCreateCustomer {
        customer,
        country_code: &subject.country_code,
        phone_number: &subject.phone_number,
    };
    let Err(error) = service.call(&action).await else {
        return Ok(format!("{customer} is created"));
    };
    // One that is there may be refused; and who got no answer asks.
    let known = error.class() == FailureClass::Permanent || error.is_ambiguous();
    if known && matches!(listed(service, customer).await, Ok(Some(_))) {
        return Ok(format!("{customer} was there already ({error})"));
    }
    let refused = error.class() == FailureClass::Permanent;
    let fault = Fault::from(error);
    let advice = "name a customer that it takes: --phone-number, --country-code, --customer";
    Err(if refused { fault.advise(advice) } else { fault })
}

async fn listed(
    service: &PacedService,
    customer: &str,
) -> Result<Option<emberline_service_api::Customer>, CallError> {
    let query = ServiceGetCustomerList { customer: Some(customer), ..Default::default() };
    let list = service.read(&query).await?;
    Ok(list.customers.into_iter().find(|it| it.customer_id == customer))
}

/// # Errors
/// It is not listed, or as another one.
pub(super) async fn find_customer(
    service: &PacedService,
    subject: &Subject,
) -> Result<String, Fault> {
    let customer = subject.customer.as_str();
    let Some(found) = listed(service, customer).await? else {
        let advice = "lists may lag behind: run the check again; else ask the service's operator";
        return Err(Fault::new(format!("{customer} is not listed"), advice));
    };
    let same_phone = found.phone_number == subject.phone_number;
    if same_phone && found.country_code == subject.country_code {
        return Ok("lists it".to_owned());
    }
    let detail = format!(
        "lists it with another telephone number: +{} {} instead of +{} {}",
        found.country_code,
        masked::phone(&found.phone_number),
        subject.country_code,
        masked::phone(&subject.phone_number),
    );
    Err(Fault::new(detail, "name it with --phone-number, or take another --customer"))
}

/// # Errors
/// It is refused, and is not placed all the same.
pub(super) async fn place_order(
    service: &PacedService,
    order: &TestOrder,
) -> Result<String, Fault> {
    let placed = format!("{} ({}, {})", order.order_no(), order.item(), order.version().as_str());
    let Err(error) = service.call(&order.create()).await else { return Ok(placed) };
    // Never twice: an answer that got lost may have been a yes.
    let found = if error.is_ambiguous() { ordered(service, order).await.ok() } else { None };
    match found.flatten() {
        Some(_) => Ok(format!("{placed}, though its answer got lost ({error})")),
        None => Err(error.into()),
    }
}

async fn ordered(service: &PacedService, order: &TestOrder) -> Result<Option<Order>, CallError> {
    let order_no = order.order_no();
    let query = ServiceGetOrderList { order_no: Some(order_no), ..Default::default() };
    let list = service.read(&query).await?;
    Ok(list.orders.into_iter().find(|it| it.order_no == order_no))
}

/// # Errors
/// It is not listed, or as another one.
pub(super) async fn find_order(service: &PacedService, order: &TestOrder) -> Result<String, Fault> {
    let advice = "lists may lag behind: run the check again; else ask the service's operator";
    match ordered(service, order).await? {
        Some(found) if order.is(&found) => Ok("lists it".to_owned()),
        Some(found) => {
            let detail = format!(
                "lists it as another one: {} of {} {} for {}",
                found.item_num, found.item_id, found.item_vno, found.customer_id
            );
            Err(Fault::new(detail, advice))
        }
        None => Err(Fault::new(format!("{} is not listed", order.order_no()), advice)),
    }
}

/// Asks as the newer edition of the interface wants it, with the version; then as the older.
///
/// # Errors
/// Both are refused, or what is answered is no address.
pub(super) async fn page_address(
    service: &PacedService,
    subject: &Subject,
) -> Result<String, Fault> {
    let order = &subject.order;
    let newer = ServiceGetInsurancePageURL {
        customer: subject.customer.as_str(),
        item: order.item(),
        version: Some(order.version()),
    };
    let page = match service.read(&newer).await {
        Err(error) if error.class() == FailureClass::Permanent => {
            let older = ServiceGetInsurancePageURL { version: None, ..newer };
            let page = service.read(&older).await;
            page.map_err(|_| error)
        }
        page => page,
    }?;
    described(&page)
}

/// Without its query: that may let whoever has it in.
fn described(page: &InsurancePage) -> Result<String, Fault> {
    let address = page.url.split(['?', '#']).next().unwrap_or_default();
    if !address.starts_with("https://") && !address.starts_with("http://") {
        let advice = "ask the service's operator: the address is where customers claim";
        return Err(Fault::new("the answer holds no address of a page", advice));
    }
    let edition = match (&page.mp_app_id, &page.mp_app_path) {
        (Some(_), Some(_)) => "and a mini program (newer edition)",
        _ => "no mini program (older edition)",
    };
    Ok(format!("{address}, {edition}"))
}

#[cfg(test)]
mod tests {
    use emberline_service_api::InsurancePage;

    use super::described;

    fn page(url: &str) -> InsurancePage {
        InsurancePage { url: url.to_owned(), mp_app_id: None, mp_app_path: None }
    }

    #[test]
    fn a_page_is_shown_without_what_lets_one_in() {
        let text = described(&page("https://h5.example/claim?token=canary#canary")).unwrap();
        assert_eq!(text, "https://h5.example/claim, no mini program (older edition)");
        for url in ["", "claim.html", "javascript:alert(1)"] {
            assert!(described(&page(url)).is_err(), "{url}");
        }
    }
}

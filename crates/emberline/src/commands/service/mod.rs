//! `service`: the eight interfaces, one subcommand each, JSON out.
//!
//! One line of JSON a call. Nothing is ever tried again here: what to do about a failure is
//! for whoever reads it.

mod call;
mod claims;
mod data;
mod devices;

use clap::Subcommand;

use crate::app::Exit;
use crate::settings::Settings;
use call::Caller;

const EXAMPLES: &str = "\
Examples:
  emberline service create-customer --customer c_1001 --phone-number 13900000000
  emberline service bind-device --customer c_1001 --device 'F4N0000AN/dev1=SN-0001=Smoke detector'
  emberline service report-data --customer c_1001 --device F4N0000AN/dev1 \\
      --json '{\"voltage_info\":{\"voltage\":220.5,\"amount\":1}}'
  emberline service report-state --device F4N0000AN/dev1 --status online --dry-run

A call that is accepted prints {\"ok\":true,…}; one that is not prints {\"ok\":false,…}, exit code 1.";

/// Arguments of `service`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
    /// Print the signed body instead of sending it; signature, app key and telephone number
    /// are masked.
    #[arg(long, global = true)]
    dry_run: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a customer known to the service (`ServiceCreateCustomer`).
    CreateCustomer(claims::CreateCustomer),
    /// List customers (`ServiceGetCustomerList`).
    ListCustomers(claims::ListCustomers),
    /// Place an order (`ServiceCreateOrder`). An item without `D-` costs an authorisation.
    CreateOrder(claims::CreateOrder),
    /// List orders (`ServiceGetOrderList`).
    ListOrders(claims::ListOrders),
    /// Ask for the page where a customer claims a policy (`ServiceGetInsurancePageURL`).
    PageUrl(claims::PageUrl),
    /// Push all of a customer's devices (`ServiceBindDevice`).
    BindDevice(devices::BindDevice),
    /// Push what a device measured (`ServiceReportDeviceData`).
    ReportData(data::ReportData),
    /// Push whether a device is online (`ServiceReportDeviceState`).
    ReportState(devices::ReportState),
}

/// Calls the service and prints its answer.
///
/// # Errors
/// If the arguments or settings do not make a call, or stdout cannot be written. A refusal by
/// the service is no error but [`Exit::Failed`].
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<Exit> {
    let caller = Caller::new(&settings, args.dry_run)?;
    match args.action {
        Action::CreateCustomer(command) => command.run(&caller).await,
        Action::ListCustomers(command) => command.run(&caller).await,
        Action::CreateOrder(command) => command.run(&caller, &settings.claims).await,
        Action::ListOrders(command) => command.run(&caller).await,
        Action::PageUrl(command) => command.run(&caller).await,
        Action::BindDevice(command) => command.run(&caller).await,
        Action::ReportData(command) => command.run(&caller).await,
        Action::ReportState(command) => command.run(&caller).await,
    }
}

//! `portal`: the pages that the vendor's app opens for its customer, until told to stop.

mod credentials;
pub(crate) mod direct_desk;
mod token;
mod topic_desk;
mod topic_redemptions;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use emberline_portal::Portal;
use tokio::net::TcpListener;

use crate::app::Exit;
use crate::commands::run::make_own_topics;
use crate::settings::Settings;
use crate::signals::stop_on_signal;
use crate::{output, wiring};
pub use direct_desk::DirectDesk;
pub use topic_desk::TopicDesk;
pub use topic_redemptions::TopicRedemptions;

const EXAMPLES: &str = "\
Examples:
  emberline portal -c emberline.toml
  emberline portal token -c emberline.toml --customer c_1001 --phone-number 13900000000

The address is printed on stdout. Nothing is shown there without a token of the vendor's app;
`emberline portal token` makes one for trying. SIGTERM finishes what is being answered and exits 0.";

/// Arguments of `portal`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Print a token that hands a customer over, and the address to open with it.
    Token(token::Args),
}

/// Serves the pages, or makes a token.
///
/// # Errors
/// If something that is needed is missing, or the address is taken.
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<Exit> {
    match args.action {
        Some(Action::Token(args)) => token::run(&args, &settings),
        None => serve(settings).await,
    }
}

async fn serve(settings: Settings) -> anyhow::Result<Exit> {
    let listen = wiring::portal::listen(&settings)?;
    // What is wrong with the settings is told before the address is taken.
    wiring::portal::problems(&settings)?;
    let stop = stop_on_signal()?;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen} (portal.listen)"))?;
    let address = listener.local_addr()?;
    let own = wiring::portal::portal(&settings, address)?;
    let url = own.public_url.origin().to_owned();
    if own.plans.is_empty() {
        tracing::warn!("portal.plans is empty: there is nothing for customers to order");
    }
    let service = wiring::portal::service(&settings)?;
    if wiring::portal::needs_own_topics(&settings) {
        make_own_topics(&settings, &wiring::kafka(&settings)?).await?;
    }
    let (desk, placer) = wiring::portal::desk(&settings).await?;
    let redemptions = wiring::portal::redemptions(&settings).await?;
    let routes = Portal::new(own, Arc::clone(&service), desk, redemptions).routes();
    let drain = settings.shutdown.drain.0;
    let watching = tokio::spawn(credentials::watch(settings, (service, placer), stop.clone()));

    output::line(&url)?;
    output::notice(&format!("portal: listens on {address}; ctrl-c stops"));
    let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
    let serving =
        axum::serve(listener, routes).with_graceful_shutdown(stop.clone().cancelled_owned());
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        served = serving => served.context("the portal's listener failed")?,
        () = overdue => tracing::warn!(?drain, "answers still under way are given up"),
    }
    stop.cancel();
    let _ = watching.await;
    Ok(Exit::Done)
}

//! `top`: what the workers do, live on a terminal, or once as text.
//!
//! What is shown is made of two looks at the workers' pages (`figures`), and drawn by
//! `draw`; here is only when to look, and when to stop.

mod draw;
mod figures;
mod look;
mod page;

use std::io::IsTerminal;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::draw::{draw, plain};
use self::figures::Figures;
use self::look::{Look, Places};
use crate::app::{Exit, UsageError};
use crate::output;
use crate::settings::{HumanDuration, Listen, Settings};
use crate::signals::stop_on_signal;

const EXAMPLES: &str = "\
Examples:
  emberline top                                    the worker of this configuration
  emberline top 10.0.0.7:9464 10.0.0.8:9464        several
  emberline top --once                             one frame as text, rates of a second
  kubectl exec deploy/emberline -- emberline top --once

Reads /metrics of each address; the latest errors come from the admin address, which is served
on each worker's own machine only. q ends it. Exit code 1 with --once if no worker was reached.";

/// Arguments of `top`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Where workers serve their metrics, as host:port. Default: http.listen of the
    /// configuration.
    #[arg(value_name = "ADDRESS", value_parser = address)]
    addresses: Vec<String>,
    /// Where to ask for the latest errors, as host:port; may be repeated. Default: admin.listen
    /// of the configuration, where a worker of this machine is looked at.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    admin: Vec<String>,
    /// Print one frame as text and end; also where the output is no terminal.
    #[arg(long)]
    once: bool,
    /// How often to look, 200ms to 1m.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    interval: HumanDuration,
}

/// `host:port`, also where it is given as the URL of the page.
pub(super) fn address(text: &str) -> Result<String, String> {
    let bare = text.trim().trim_start_matches("http://").trim_end_matches('/');
    let bare = bare.strip_suffix("/metrics").unwrap_or(bare);
    let port = bare.rsplit_once(':').and_then(|(host, port)| {
        let named = !host.is_empty() && !host.contains('/');
        port.parse::<u16>().ok().filter(|port| named && *port > 0)
    });
    port.map(|_| bare.to_owned()).ok_or_else(|| "write host:port, as in 127.0.0.1:9464".to_owned())
}

fn interval(text: &str) -> Result<HumanDuration, String> {
    let time: HumanDuration = text.parse().map_err(|error| format!("{error}"))?;
    let allowed = Duration::from_millis(200)..=Duration::from_mins(1);
    if allowed.contains(&time.0) { Ok(time) } else { Err("is outside of 200ms to 1m".to_owned()) }
}

/// Shows the workers until told to stop, or once.
///
/// # Errors
/// If it is not known where to look, or the terminal can't be drawn on.
pub async fn run(args: Args, settings: &Settings) -> anyhow::Result<Exit> {
    let places = places(&args, settings)?;
    let stop = stop_on_signal()?;
    if args.once || !std::io::stdout().is_terminal() {
        return once(&places, args.interval.0, &stop).await;
    }
    let mut terminal = ratatui::try_init()?;
    let shown = live(&mut terminal, &places, args.interval.0, &stop).await;
    ratatui::restore();
    shown.map(|()| Exit::Done)
}

/// Where to look, by the arguments and else by the configuration.
fn places(args: &Args, settings: &Settings) -> Result<Places, UsageError> {
    let mut metrics = args.addresses.clone();
    if metrics.is_empty() {
        metrics.push(reachable("http.listen", settings.http.listen)?);
    }
    let is_here = |address: &String| {
        let host = address.rsplit_once(':').map_or("", |(host, _)| host);
        let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    };
    let mut admin = args.admin.clone();
    if admin.is_empty() && metrics.iter().any(is_here) {
        // Where it is off or on a free port there is nobody to ask.
        admin.extend(reachable("admin.listen", settings.admin.listen));
    }
    Ok(Places { metrics, admin })
}

/// The address that a process listens on, as it is reached from its own machine.
///
/// # Errors
/// If there is none to be known.
pub(super) fn reachable(key: &str, listen: Listen) -> Result<String, UsageError> {
    let give = "give the address, as the worker told it at its start";
    match listen {
        Listen::Off => Err(UsageError(format!("{key} is off in this configuration: {give}"))),
        Listen::On(address) if address.port() == 0 => {
            Err(UsageError(format!("{key} has port 0 in this configuration: {give}")))
        }
        Listen::On(address) => {
            let ip = match address.ip() {
                IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
                ip => ip,
            };
            Ok(SocketAddr::new(ip, address.port()).to_string())
        }
    }
}

async fn once(
    places: &Places,
    interval: Duration,
    stop: &CancellationToken,
) -> anyhow::Result<Exit> {
    let before = places.look().await;
    tokio::select! {
        () = tokio::time::sleep(interval) => {}
        () = stop.cancelled() => return Ok(Exit::Done),
    }
    let figures = Figures::of(Some(&before), &places.look().await);
    output::text(&plain(&figures))?;
    let reached = figures.processes.iter().any(|process| process.workers.is_ok());
    Ok(if reached { Exit::Done } else { Exit::Failed })
}

async fn live(
    terminal: &mut ratatui::DefaultTerminal,
    places: &Places,
    interval: Duration,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut keys = keys();
    let mut every = tokio::time::interval(interval);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut before: Option<Look> = None;
    let mut figures: Option<Figures> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            key = keys.recv() => match key {
                Some(Key::Redraw) => {}
                Some(Key::Quit) | None => return Ok(()),
            },
            _ = every.tick() => {
                let looked = tokio::select! {
                    looked = places.look() => looked,
                    () = stop.cancelled() => return Ok(()),
                    // A worker that does not answer must not keep anybody here.
                    () = quit(&mut keys) => return Ok(()),
                };
                figures = Some(Figures::of(before.as_ref(), &looked));
                before = Some(looked);
            }
        }
        if let Some(figures) = &figures {
            terminal.draw(|frame| draw(figures, frame.area(), frame.buffer_mut()))?;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Quit,
    Redraw,
}

async fn quit(keys: &mut mpsc::Receiver<Key>) {
    while let Some(Key::Redraw) = keys.recv().await {}
}

/// What is pressed, read on a thread of its own: a terminal is read by blocking.
fn keys() -> mpsc::Receiver<Key> {
    let (sender, keys) = mpsc::channel(4);
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            let key = match event {
                Event::Key(key) if key.kind == KeyEventKind::Press => {
                    let control = key.modifiers.contains(KeyModifiers::CONTROL);
                    match key.code {
                        KeyCode::Char('q') | KeyCode::Esc => Key::Quit,
                        KeyCode::Char('c') if control => Key::Quit,
                        _ => continue,
                    }
                }
                Event::Resize(..) => Key::Redraw,
                _ => continue,
            };
            if sender.blocking_send(key).is_err() {
                return;
            }
        }
    });
    keys
}

#[cfg(test)]
mod tests {
    use super::{Args, address, places, reachable};
    use crate::settings::{HumanDuration, Listen, Settings};

    fn asked(addresses: &[&str], admin: &[&str]) -> Args {
        let own = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect();
        Args {
            addresses: own(addresses),
            admin: own(admin),
            once: true,
            interval: HumanDuration::from_secs(1),
        }
    }

    #[test]
    fn an_address_may_be_given_as_its_page() {
        for given in ["h:9464", "http://h:9464", "http://h:9464/metrics", "http://h:9464/"] {
            assert_eq!(address(given).as_deref(), Ok("h:9464"), "{given}");
        }
        assert_eq!(address("[::1]:9464").as_deref(), Ok("[::1]:9464"));
        for bad in ["h", "h:", ":9464", "https://h:9464", "h:0", "h/x:9464"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn without_arguments_the_configuration_says_where_to_look() {
        let mut settings = Settings::default();
        let found = places(&asked(&[], &[]), &settings).unwrap();
        assert_eq!((&*found.metrics[0], &*found.admin[0]), ("127.0.0.1:9464", "127.0.0.1:9465"));
        settings.http.listen = "0.0.0.0:9000".parse().unwrap();
        settings.admin.listen = Listen::Off;
        let found = places(&asked(&[], &[]), &settings).unwrap();
        assert_eq!((&*found.metrics[0], found.admin.len()), ("127.0.0.1:9000", 0));
        settings.http.listen = "[::]:0".parse().unwrap();
        let told = places(&asked(&[], &[]), &settings).unwrap_err().0;
        assert!(told.contains("http.listen has port 0"), "{told}");
        assert!(reachable("admin.listen", Listen::Off).is_err());
    }

    #[test]
    fn errors_are_asked_for_where_a_worker_is_on_this_machine() {
        let settings = Settings::default();
        let found = |addresses: &[&str], admin: &[&str]| {
            places(&asked(addresses, admin), &settings).unwrap().admin
        };
        assert!(found(&["10.0.0.7:9464"], &[]).is_empty());
        assert_eq!(found(&["10.0.0.7:9464", "127.0.0.1:9464"], &[]), ["127.0.0.1:9465"]);
        assert_eq!(found(&["10.0.0.7:9464"], &["localhost:1"]), ["localhost:1"]);
    }
}

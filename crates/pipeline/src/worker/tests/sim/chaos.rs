//! What happens: records come, and trouble.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::input::{Fact, Input};
use super::plan::KINDS;
use super::weather::Weather;
use super::world::{Event, World};

/// How long after a message the platform sends it again.
const AGAIN: [u64; 4] = [0, 1, 3, 10];

#[derive(Clone, Copy)]
enum Trouble {
    Kill,
    Start,
    Stop,
    Rebalance,
    Lose,
    Weather,
    Clock,
    Brokers,
    ProducerFull,
    CustomerMade,
}

impl World {
    pub(super) async fn happening(&mut self) {
        if self.draw.percent(self.plan.records) {
            for _ in 0..self.draw.within(1..=self.plan.burst) {
                self.told_something();
            }
            return;
        }
        let trouble = self.draw.weighed(&[
            (10, Trouble::Kill),
            (10, Trouble::Start),
            (8, Trouble::Stop),
            (22, Trouble::Rebalance),
            (10, Trouble::Lose),
            (25, Trouble::Weather),
            (6, Trouble::Clock),
            (10, Trouble::Brokers),
            (4, Trouble::ProducerFull),
            (4, Trouble::CustomerMade),
        ]);
        self.meet_trouble(trouble).await;
    }

    fn told_something(&mut self) {
        let mut draw = std::mem::replace(&mut self.draw, super::super::made_up::draw::Draw::of(0));
        let input = match draw.within(0..=99) {
            0..=69 => self.producer.telemetry(&mut draw),
            70..=84 => self.producer.state(&mut draw),
            85..=89 => self.producer.odd(&mut draw),
            _ => {
                let device = self.producer.device(&mut draw);
                let customer = draw.below(usize::from(self.plan.customers));
                let (bound, late) = (draw.percent(70), draw.percent(10));
                let customer = u8::try_from(customer).unwrap_or(0);
                self.producer.binding(device, customer, bound, late)
            }
        };
        self.draw = draw;
        for fact in &input.facts {
            if let Fact::Report(key) = fact
                && self.draw.percent(3)
            {
                self.poison.insert(*key);
            }
        }
        self.send(input);
    }

    /// Produces a record, and sometimes again, as the platform does.
    fn send(&mut self, input: Input) {
        if self.draw.percent(20) {
            let times = self.draw.within(1..=3);
            for _ in 0..times {
                let wait = Duration::from_secs(self.draw.pick(&AGAIN));
                self.after(wait, Event::Produce(Box::new(input.clone())));
            }
            self.cover.add("told again", times);
        }
        self.produce(input);
    }

    async fn meet_trouble(&mut self, trouble: Trouble) {
        let living = self.living();
        match trouble {
            Trouble::Start if living.len() < 3 => {
                self.cover.saw("start");
                self.start();
            }
            Trouble::Kill if !living.is_empty() => {
                let process = self.draw.pick(&living);
                self.kill(process);
                if living.len() == 1 || self.draw.percent(60) {
                    let wait = self.draw.millis(10..=5_000);
                    self.after(wait, Event::Happening);
                    self.start();
                }
            }
            Trouble::Stop if living.len() > 1 => {
                let process = self.draw.pick(&living);
                self.stop(process).await;
            }
            Trouble::Rebalance => {
                let kind = self.draw.pick(&KINDS);
                self.take_some(kind, None);
            }
            Trouble::Lose => {
                let members: Vec<usize> =
                    (0..self.members.len()).filter(|it| self.members[*it].is_some()).collect();
                if !members.is_empty() {
                    let member = self.draw.pick(&members);
                    self.lose(member);
                }
            }
            Trouble::Weather => self.weather_turns(),
            Trouble::Clock if !living.is_empty() => {
                let process = self.draw.pick(&living);
                self.wall_clock_jumps(process);
            }
            Trouble::Brokers => {
                self.rough_brokers = !self.rough_brokers;
                self.say(format_args!("brokers are rough: {}", self.rough_brokers));
            }
            Trouble::ProducerFull => {
                for member in self.members.iter().flatten() {
                    member.desk.lock().full_for = 2;
                }
                self.cover.saw("producer full");
            }
            Trouble::CustomerMade => self.plan.unknown = 0,
            _ => {}
        }
    }

    fn weather_turns(&mut self) {
        let weather = self.draw.weighed(&[
            (10, Weather::Fine),
            (15, Weather::Slow),
            (20, Weather::Flaky),
            (15, Weather::Ambiguous),
            (10, Weather::Down),
            (8, Weather::Silent),
            (12, Weather::NoCredentials),
            (10, Weather::Throttled),
        ]);
        self.weathers += 1;
        if self.weather.is_outage() != weather.is_outage() {
            self.weather_began = self.clock.passed();
        }
        self.weather = weather;
        self.cover.saw(match weather {
            Weather::Fine => "weather: fine",
            Weather::Slow => "weather: slow",
            Weather::Flaky => "weather: flaky",
            Weather::Ambiguous => "weather: ambiguous",
            Weather::Down => "weather: down",
            Weather::Silent => "weather: silent",
            Weather::NoCredentials => "weather: no credentials",
            Weather::Throttled => "weather: throttled",
        });
        self.say(format_args!("the service is {weather:?}"));
        let lasts = self.draw.millis(200..=20_000);
        self.after(lasts, Event::WeatherOver(self.weathers));
    }

    pub(super) fn weather_over(&mut self, weather: u32) {
        if weather == self.weathers {
            self.weather = Weather::Fine;
            self.say(format_args!("the service is fine"));
        }
    }

    fn wall_clock_jumps(&mut self, process: usize) {
        let by: i64 =
            self.draw.pick(&[-600_000, -30_000, -1_000, 1_000, 30_000, 600_000, 3_600_000]);
        self.leapt |= by.abs() >= 30_000;
        self.processes[process].wrong_ms.fetch_add(by, Ordering::Relaxed);
        self.cover.saw("wall clock jumps");
        self.say(format_args!("the clock of process {process} jumps by {by} ms"));
    }

    /// Everything is well from now on.
    pub(super) fn heal(&mut self) {
        self.say(format_args!("everything heals"));
        self.healed = true;
        self.weather = Weather::Fine;
        self.weathers += 1;
        self.rough_brokers = false;
        for process in &self.processes {
            process.wrong_ms.store(0, Ordering::Relaxed);
        }
        for member in self.members.iter().flatten() {
            member.desk.lock().full_for = 0;
        }
        if self.living().is_empty() {
            self.start();
        }
        for kind in KINDS {
            self.deal_soon(kind, super::reading::SOON);
        }
    }
}

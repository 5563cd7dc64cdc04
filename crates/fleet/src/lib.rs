//! A simulated fleet of devices: seeded events, and what must come of them.

//! End-to-end stories against a real Kafka.

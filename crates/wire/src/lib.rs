//! Bytes on Kafka to the model and back.

//! Emberline: carries device reports from Kafka to an IoT safety-assurance service.

"""Ways to run Vigil: images, a compose file, the same without Docker, and a real Kafka."""

"""Ways to run Vigil: images, compose and Kubernetes files, and a real Kafka without Docker."""

"""How events move: JetStream in, SQL out, and the commands around them."""

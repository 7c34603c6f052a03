"""Machine detection measured: generated greetings, AMD() on a real Asterisk, and the choice of our parameters."""

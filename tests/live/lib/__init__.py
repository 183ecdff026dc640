"""What the live tests share: the engine as a process, clients, tokens, checkers."""

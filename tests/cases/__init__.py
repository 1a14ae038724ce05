"""What several test files share: inputs, protocols, and checks of them."""

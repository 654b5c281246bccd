"""Acts in repositories, from the forge that holds them."""

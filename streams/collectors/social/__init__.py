"""What people post, from the platforms that let it be read, and what is made of it."""

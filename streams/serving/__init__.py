"""The way out: topics into what people look at. Reads topics only, never the insides of other packages."""

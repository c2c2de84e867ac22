"""The reviewed lists of visual concepts, and the modules that read them and WordNet."""

"""From a structure set to a count of lesions, with reasons."""

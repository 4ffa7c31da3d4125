"""One algorithm out of all that is known of a cover: classifier, label, colour, concepts."""

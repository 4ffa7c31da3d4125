"""One page that shows a catalogue's results, made of small tables, without Spark."""

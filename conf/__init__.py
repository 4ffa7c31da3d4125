"""Settings: base.yaml has every one; an overlay passed with --config changes some."""

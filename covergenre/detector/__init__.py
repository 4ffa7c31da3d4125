"""Find the Parental Advisory label on covers: a detector of our own, or an exported one."""

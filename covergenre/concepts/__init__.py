"""What is on covers: concepts (objects, people, moods) that taggers name, and how often."""

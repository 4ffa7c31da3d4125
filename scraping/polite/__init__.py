"""The one place every request of a crawl goes through: addresses, robots.txt, pace, client."""

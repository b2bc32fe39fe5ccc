"""How fast this machine is: engines in a home of their own, watched, and what their events come to."""

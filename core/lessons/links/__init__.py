"""Links: one idea in many clothes."""

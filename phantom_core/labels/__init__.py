"""Labels that people give: who said what of which session, when and why."""

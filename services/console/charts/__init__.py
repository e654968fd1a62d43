"""What the pages add to charts: holding those of a page, exploring in the browser, simulating."""

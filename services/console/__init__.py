"""The study page: what the safety review team looks at. It talks to the other services over HTTP
only and keeps nothing but signed-in sessions, in memory."""

"""What `xdrtui doctor` looks at, a file per area. Each gives `Check`s and changes nothing."""

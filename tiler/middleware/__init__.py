"""What stands around every route: keys, limits, time-outs, headers, the proxy's word."""

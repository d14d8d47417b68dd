"""Who a vehicle is: VIN, chassis number, and the claims that bind the one to the other. Pure."""

"""`/api/v1`: the operations of `service.operations` over HTTP, and the event feeds."""

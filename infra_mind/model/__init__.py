"""The words of the domain as frozen values: no input, no output, nothing of Ray, Redis or HTTP."""

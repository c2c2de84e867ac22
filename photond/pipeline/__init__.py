"""The way of a photo: found by a scan, noted as a job, read, embedded, tagged, committed."""

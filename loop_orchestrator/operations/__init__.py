"""What anyone can ask for: functions over a World. The command line calls nothing else."""

"""What can be measured about a problem: one module for each question, no judgement."""

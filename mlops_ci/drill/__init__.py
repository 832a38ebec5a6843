"""`mlops-ci drill`: can a version be had again, how long does it take, and would a fault be noticed?"""

